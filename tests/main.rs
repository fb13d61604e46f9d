//! Whole-product tests.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod corruption;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod dry_run;
#[cfg(test)]
mod editor;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod format;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod guides;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod product;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod support;
