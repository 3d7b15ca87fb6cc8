"""AWS on a laptop: what rehearsals and tests run against, through the SDKs' own endpoint setting."""
