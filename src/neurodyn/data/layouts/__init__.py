"""The field's HDF5 layouts, read and written: one file a layout."""
