"""One module for each family of modern commands; each is imported only when it is used."""
