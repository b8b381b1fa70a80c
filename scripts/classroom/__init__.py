"""A class of Pis: the cards and the labels of all of them."""
