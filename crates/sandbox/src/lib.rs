//! Local stand-ins of SumTotal, Litmos and ServiceNow.
