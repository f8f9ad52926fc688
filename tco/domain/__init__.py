"""The words of the house as frozen types, checked on the way in."""
