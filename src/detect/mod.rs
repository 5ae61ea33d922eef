//! Events × rules → matches.
