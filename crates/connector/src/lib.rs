//! The connector-plugin API: spokes, actions, effects, connections, credentials, and the transport an action is given.
