# hv
