"""Messages of visitors to the shop, from the form of the contact page."""
