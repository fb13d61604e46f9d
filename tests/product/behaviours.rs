//! The numbered behaviours of the systems' own documents, each by a test that bears its number:
//! `litmos_N_...` for the ServiceNow integration of Litmos, `st_N_...` for the SumTotal spoke.
//!
//! docs/behaviours.md has a row for each number: its test, or why there is none yet. Tests that
//! have another home (`assign_courses`, the sandbox' and the spokes' own tests) bear numbers too.

mod litmos;
mod page;
mod sumtotal;
