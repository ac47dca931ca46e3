"""access: whose call this is. Tenants, API keys, and the key that signs recipient tokens.

Owns tenants, API keys and signing keys. Users' backends manage their keys and issue tokens through the
public service; every other service asks it, behind a cache, who a credential belongs to. It asks nobody.
"""
