"""Rescalers: pairs of maps that shrink a picture and grow it again."""
