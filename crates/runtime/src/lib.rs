//! Making runs happen: driver, timers, recovery, scheduler, connections, vault, transport, dry run.
