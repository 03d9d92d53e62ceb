"""Templates of posts, pages and reports, packaged as data."""
