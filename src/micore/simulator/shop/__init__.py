"""The living shop behind both marketplaces: goods, places, demand, stock and orders. No wire format in here."""
