"""The rehearsal's parts: its acts, and what differs where the repository lives and by who runs the jobs."""
