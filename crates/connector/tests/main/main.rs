//! The manifest interpreter, on small spokes written here.

#[cfg(test)]
mod acme;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod dry_run;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod mistakes;
mod openapi;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod writes;
