"""Other libraries doing the same work: one short file a peer and work, in its best honest setting, stated."""
