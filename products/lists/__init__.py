"""Lists of products: what cards show of other rows, pages of long lists, and how often products were bought."""
