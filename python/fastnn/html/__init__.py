"""HTML: made of parts that are escaped (markup), pictures in it (pictures), in the cells of notebooks (notebook)."""
