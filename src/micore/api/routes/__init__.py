"""A router per noun; create_api includes every one of them."""
