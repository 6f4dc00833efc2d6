"""The least that Django can do: one view with one INSERT and one SELECT, the limit of the stack."""
