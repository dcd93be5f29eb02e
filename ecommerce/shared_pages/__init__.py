"""How shared pages meet their visitors: the middleware that sends them, and what is filled in."""
