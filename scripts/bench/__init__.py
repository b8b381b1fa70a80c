"""What measures the kit, beside the book's loop and others."""
