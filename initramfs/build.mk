# The agent (static, musl) and the cpio archive that holds it and the base tree.
