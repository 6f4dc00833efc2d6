"""The long run: a sale under one fault after the other, of which every answer is checked."""
