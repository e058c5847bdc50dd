"""The demonstration: the product's main job on real parts, with accounts that are plainly made up."""
