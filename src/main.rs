//! daybook
fn main(){}
