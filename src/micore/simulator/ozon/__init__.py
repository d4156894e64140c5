"""Ozon's Seller API in front of the shop: one module per section of the API."""
