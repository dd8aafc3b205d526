# guestdrv
