mod confinement;
mod diff_contract;
mod diff_law;
mod fixture;
mod opening;
mod postgres;
mod session;
mod types;
