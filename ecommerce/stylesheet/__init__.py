"""The stylesheet of the shop: the part of Bootstrap that the shop uses, followed by the files of the folder `css`."""
