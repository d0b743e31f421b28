use belay_model::Digest;
use proptest::prelude::*;

use crate::tree::node;
use crate::{Frontier, Tree, root_of_nothing, verify_consistency, verify_inclusion};

/// MTH of RFC 6962, section 2.1, word for word.
fn defined(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => root_of_nothing(),
        [one] => *one,
        many => {
            let mut split = 1;
            while split * 2 < many.len() {
                split *= 2;
            }
            node(defined(&many[..split]), defined(&many[split..]))
        }
    }
}

fn leaves(count: usize) -> Vec<Digest> {
    (0..count).map(|number| Digest::of_leaf(&number.to_be_bytes())).collect()
}

fn tree(leaves: &[Digest]) -> Tree {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree
}

/// The inputs and roots that Certificate Transparency's own tests use.
#[test]
fn the_roots_are_those_of_the_reference_tests() {
    let inputs: [&[u8]; 8] = [
        &[],
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[
            0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
            0x6e, 0x6f,
        ],
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::default();
    for (input, root) in inputs.into_iter().zip(roots) {
        frontier.push(Digest::of_leaf(input));
        assert_eq!(frontier.root().to_string(), root, "{} leaves", frontier.size());
    }
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Frontier::default().root().to_string(), empty);
}

/// RFC 6962, section 2.1.3: the proofs in the tree of seven leaves.
#[test]
#[expect(clippy::many_single_char_names, reason = "the names are those of the RFC")]
fn the_proofs_are_those_of_the_rfc() {
    let d = leaves(7);
    let seven = tree(&d);
    let (i, j) = (node(d[2], d[3]), d[6]);
    let (g, h) = (node(d[0], d[1]), i);
    let k = node(g, h);
    let l = node(node(d[4], d[5]), j);
    assert_eq!(seven.inclusion(0, 7), Some(vec![d[1], h, l]));
    assert_eq!(seven.inclusion(3, 7), Some(vec![d[2], g, l]));
    assert_eq!(seven.inclusion(4, 7), Some(vec![d[5], j, k]));
    assert_eq!(seven.inclusion(6, 7), Some(vec![node(d[4], d[5]), k]));
    assert_eq!(seven.consistency(3, 7), Some(vec![d[2], d[3], g, l]));
    assert_eq!(seven.consistency(4, 7), Some(vec![l]));
    assert_eq!(seven.consistency(6, 7), Some(vec![node(d[4], d[5]), j, k]));
}

#[test]
fn what_is_outside_of_the_tree_has_no_proof() {
    let three = tree(&leaves(3));
    assert_eq!(three.inclusion(3, 3), None);
    assert_eq!(three.inclusion(0, 4), None);
    assert_eq!(three.consistency(0, 3), None);
    assert_eq!(three.consistency(2, 4), None);
    assert_eq!(three.root(4), None);
}

proptest! {
    #[test]
    fn frontier_and_tree_have_the_root_that_is_defined(count in 0_usize..200) {
        let leaves = leaves(count);
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        prop_assert_eq!(frontier.root(), defined(&leaves));
        prop_assert_eq!(tree(&leaves).root(count), Some(defined(&leaves)));
        let again = Frontier::new(frontier.size(), frontier.peaks().to_vec());
        prop_assert_eq!(again, Some(frontier));
    }

    #[test]
    fn a_leaf_is_proved_at_its_own_position_and_at_no_other(
        count in 1_usize..200, at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
    ) {
        let leaves = leaves(count);
        let (at, other) = (at.index(count), other.index(count));
        let path = tree(&leaves).inclusion(at, count).unwrap();
        let root = defined(&leaves);
        prop_assert!(verify_inclusion(leaves[at], at as u64, count as u64, &path, root));
        if at != other {
            prop_assert!(!verify_inclusion(leaves[other], at as u64, count as u64, &path, root));
            prop_assert!(!verify_inclusion(leaves[at], other as u64, count as u64, &path, root));
        }
        let mut longer = path.clone();
        longer.push(root);
        prop_assert!(!verify_inclusion(leaves[at], at as u64, count as u64, &longer, root));
        if let Some((_, shorter)) = path.split_last() {
            prop_assert!(!verify_inclusion(leaves[at], at as u64, count as u64, shorter, root));
        }
    }

    #[test]
    fn a_tree_is_consistent_with_its_beginning_and_with_no_other(
        new in 1_usize..200, old in any::<prop::sample::Index>(), changed in any::<prop::sample::Index>(),
    ) {
        let leaves = leaves(new);
        let old = old.index(new) + 1;
        let path = tree(&leaves).consistency(old, new).unwrap();
        let (old_root, new_root) = (defined(&leaves[..old]), defined(&leaves));
        prop_assert!(verify_consistency(old as u64, old_root, new as u64, new_root, &path));
        let mut other = leaves.clone();
        other[changed.index(old)] = Digest::of("another");
        let forged = defined(&other[..old]);
        prop_assert!(!verify_consistency(old as u64, forged, new as u64, new_root, &path));
        let mut longer = path.clone();
        longer.push(new_root);
        prop_assert!(!verify_consistency(old as u64, old_root, new as u64, new_root, &longer));
    }
}
