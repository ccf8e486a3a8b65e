"""Commands on how measures change between years."""
