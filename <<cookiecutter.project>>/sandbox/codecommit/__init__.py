"""AWS CodeCommit on real bare git repositories: its API, and git over HTTP beside it.

`Office` has every account's books and lends each its operations; `GitDoor` answers /v1/repos/<name>, where
`aws codecommit credential-helper` says who pulls and pushes. `Outbox.on_event` is called with each event that
AWS would put on the account's event bus.
"""
