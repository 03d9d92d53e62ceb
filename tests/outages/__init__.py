"""What the machine under the product may do: a broker or a database that fails, too many processes, odd clocks."""
