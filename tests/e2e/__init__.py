"""The whole product as real processes, judged by the platforms' own journal and a database opened anew."""
