"""CloudFormation that does what it says: each resource is made by a call of its own service.

A call of a stack's operation begins a thread, which makes resources one after the other through the
sandbox's own layer (`hands`), with the caller's keys: IAM is asked for each call, the trail records it, and
what a service refuses fails the stack in the middle, as on AWS.

    template → parameters, conditions → design (checked, ordered)       pure
    design + stack → changes                                            what a change set tells
    design → work → acts → kinds                                        what an operation does

**To add a type**, write a class in `types/<service>.py`, put an instance into that module's `KINDS`, and name
a new module in `kinds.MODULES`. The class is a `kinds.Kind`:

    class Queue(Kind):
        name = "AWS::SQS::Queue"
        schema = {"QueueName": str, "DelaySeconds": int, "Policy": dict, "Tags": TAGS}   # see schema
        required = frozenset()
        fixed = frozenset({"QueueName"})        # a change of these makes another resource
        named_by = "QueueName"                  # so that two of one name never have to be at once
        tags = "Tags"                           # the stack's tags join them; a list, or {"*": str}
        attributes = frozenset({"Arn"})         # of Fn::GetAtt; Ref is making.id
        setters = {"DelaySeconds": set_delay, "Tags": set_tags}   # f(making, before), `before` {} when new
        born = frozenset({"Tags"})              # those that make() has set already
        by_setter = False                       # True: not make() but a setter makes it, by one call

        def make(self, making): ...             # making.client("sqs"); set making.id as soon as it exists
        def describe(self, making): ...         # the attributes, after all is set
        def delete(self, making): ...           # making.id, making.properties as they were applied

Rules. Every property is in `fixed` or has a setter, which also takes it back when a template no longer has
it. Everything in `schema`, nested members too, can be read back through the service: what moto drops stays
out, and is refused by name. A service whose create call would quietly take what exists (CreateTopic, PutRule)
is asked first, and `already_exists` raised. tests/sandbox/test_cloudformation_types.py makes, reads, changes
and deletes each type: add a case to one of type_cases_*.py beside it.
"""
