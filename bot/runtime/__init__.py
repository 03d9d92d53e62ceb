"""The processes of one machine: what runs, how it is started, watched and stopped. Knows no Django."""
