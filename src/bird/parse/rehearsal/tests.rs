use super::*;
use crate::bird::transcripts::said;

#[test]
fn a_table_is_counted() {
    let reply = said("1007-2 of 1000003 routes for 2 networks in table rehearsal4\n0000 \n");
    assert_eq!(count(&reply), Ok(Some(RouteCount { routes: 1_000_003 })));
}

#[test]
fn what_passes_a_filter_is_read_with_its_protocol() {
    let reply = said(
        "1007-Table rehearsal4:\n 198.51.100.0/24      blackhole [web_v4_shadow 02:20:27.657] * (200)\n0000 \n",
    );
    let routes = rehearsed(&reply).unwrap().unwrap();
    let read: Vec<_> = routes
        .iter()
        .map(|route| (route.prefix.to_string(), route.protocol.as_str()))
        .collect();
    assert_eq!(read, [("198.51.100.0/24".to_owned(), "web_v4_shadow")]);
}

#[test]
fn nothing_that_passes_is_not_a_table_that_is_missing() {
    assert_eq!(
        rehearsed(&said("1007-Table rehearsal4:\n0000 \n")),
        Ok(Some(vec![]))
    );
    for words in [
        "9001 syntax error, unexpected CF_SYM_UNDEFINED, expecting CF_SYM_KNOWN or ALL\n",
        "9001 Table name required\n",
        "9001 Filter name required\n",
    ] {
        assert_eq!(rehearsed(&said(words)), Ok(None), "{words}");
        assert_eq!(count(&said(words)), Ok(None), "{words}");
    }
}

#[test]
fn another_error_is_one() {
    assert!(rehearsed(&said("8007 Access denied\n")).is_err());
    assert!(count(&said("9001 syntax error, unexpected TEXT\n")).is_err());
    assert!(count(&said("1007-Table rehearsal4:\n0000 \n")).is_err());
}
