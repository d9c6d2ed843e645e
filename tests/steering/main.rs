//! Steering against a BIRD that misbehaves: each rule of acting on BIRD, and every way in which
//! BIRD, or somebody else who has its socket, gets in between.

mod place;

mod adopting;
mod away;
mod carried;
mod drifting;
mod files;
mod guard;
mod many;
mod reach;
mod rehearsing;
mod rivals;
mod standing;
mod writing;
