"""The notice of the legal guarantee, whose official picture the merchant uploads."""
