# dbos
