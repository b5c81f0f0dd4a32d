"""What banks send back: returned entries, and notices that an account's details have changed."""
