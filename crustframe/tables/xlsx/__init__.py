"""Excel workbooks: read, extended part by part, and made anew."""
