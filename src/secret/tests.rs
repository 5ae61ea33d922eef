//! Command lines as people and their scripts write them.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn the_known_looks_are_regular_expressions() {
    assert!(!looks::Looks::known().find("https://a:b@c").is_empty());
}

fn masker() -> Masker {
    static MASKER: LazyLock<Masker> = LazyLock::new(|| Masker::new(Key::of(7)));
    MASKER.clone()
}

/// The line with `«…»` for each secret that stands between those in `marked`; the masker is to find exactly these.
fn expect(marked: &str) {
    let masker = masker();
    let plain = marked.replace(['«', '»'], "");
    let mut wanted = String::new();
    let mut rest = marked;
    while let Some((before, behind)) = rest.split_once('«') {
        let (secret, behind) = behind.split_once('»').unwrap();
        wanted.push_str(before);
        wanted.push_str(&masker.token(secret));
        rest = behind;
    }
    wanted.push_str(rest);
    assert!(plain == wanted || masker.may_hold(plain.as_bytes()), "{marked}: the quick look passes it");
    // As one line, and as the arguments of a program where no quotes make a difference.
    assert_eq!(masker.text(&plain).unwrap_or(plain.clone()), wanted, "{marked}");
    if !plain.contains(['"', '\'', '|', ';', '(']) {
        let words: Vec<&str> = plain.split(' ').collect();
        let masked = masker.arguments(&words);
        assert!(
            masked.is_none() || masker.may_hold(words.join("\0").as_bytes()),
            "{marked}: the quick look passes it"
        );
        assert_eq!(masked.map_or(plain.clone(), |words| words.join(" ")), wanted, "{marked}");
    }
}

#[test]
fn what_the_issue_names() {
    expect("usermod -p «$6$salt$0123456789abcdef» -u 0 -o bob");
    expect("mysql -u root -p«geheim» sales");
    expect("curl -u bob:«hunter2» https://example.org/");
    expect("backup --password=«p,w=1»");
    expect("git clone https://bob:«ghp»@example.org/repo.git");
}

#[test]
fn options_of_their_programs() {
    for marked in [
        "useradd -mp «hash» bob",
        "usermod -op«hash» bob",
        "/usr/sbin/usermod --password «hash» bob",
        "mysqldump --password=«x» db",
        "curl -sSu bob:«x» http://h/",
        "curl --header Authorization:«abc» http://h/",
        "curl -HX-Api-Key:«abc» http://h/",
        "curl -H Accept:text/html http://h/",
        "sshpass -p «x» ssh host",
        "sudo -u app sshpass -p«x» ssh host",
        "smbclient //srv/share -U bob%«x»",
        "ldapsearch -x -D cn=admin -w «x» -b dc=x",
        "openssl pkcs12 -in a.p12 -passin pass:«x» -passout file:/run/p",
        "redis-cli -a «x» ping",
        "docker login -u bob -p «x» registry",
        "docker run -p 80:80 nginx",
        "htpasswd -nb bob «x»",
        "htpasswd -c /etc/apache2/users bob",
        "zip -P «x» a.zip b",
        "7z a -p«x» a.7z b",
        "xfreerdp /u:bob /p:«x» /v:host",
        "sqlplus bob/«x»@orcl",
        "sqlplus / as sysdba",
        "rabbitmqctl add_user bob «x»",
        "nmcli device wifi connect home password «x»",
        "wpa_passphrase home «longenough»",
        "kubectl create secret generic db --from-literal=user=«bob»",
        "ansible-playbook --ask-become-pass site.yml",
        "psql --password sales",
        "mysql --password sales",
        "env PGPASSWORD=«x» psql sales",
        "docker run -e MYSQL_ROOT_PASSWORD=«x» mysql",
        "mount -t cifs -o user=bob,password=«x»,ro //srv/a /mnt",
        "app --api-key «x» --token-file /run/t",
        "app -password «x»",
    ] {
        expect(marked);
    }
}

#[test]
fn lines_within_lines() {
    expect("sh -c 'mysql -p«geheim» sales'");
    expect(r#"bash -c "echo bob:«x» | chpasswd""#);
    expect("echo «x» | passwd --stdin bob");
    expect("echo «x» | sudo -S id");
    expect("echo bob:«x»|sudo chpasswd");
    expect("printf 'eve:«pw»:0:0::/root:/bin/sh\\n' | newusers");
    expect("echo hello | cat");
    let masker = masker();
    let args = ["su", "-c", "sh -c 'curl -u a:b http://h'"];
    let masked = masker.arguments(&args).unwrap();
    assert_eq!(masked[2], format!("sh -c 'curl -u a:{} http://h'", masker.token("b")));
}

#[test]
fn what_is_a_secret_by_its_look() {
    for marked in [
        "x «$y$j9T$salt$0123456789abcdef»",
        "x «$2b$12$0123456789abcdefghijkl»",
        "x «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln»",
        "x «ghp_0123456789abcdefghijABCDEF»",
        "x «xoxb-1234567890-abc»",
        "curl -H 'Authorization: «Bearer 0123456789abcdef»' h",
        "x 'Bearer «0123456789abcdef»'",
        "x 'Server=db;Uid=a;Password=«x»;Port=1'",
        "x user=a&password=«x»&b=c",
        r#"x '{"user":"a","client_secret": "«s3»"}'"#,
    ] {
        expect(marked);
    }
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----";
    assert_eq!(
        masker().text(&format!("echo \"{key}\" > k")).unwrap(),
        format!("echo \"{}\" > k", masker().token(key))
    );
}

#[test]
fn ordinary_lines_stay() {
    for line in [
        "ls -la /etc/passwd",
        "mkdir -p /srv/a",
        "grep ^root: /etc/shadow",
        "passwd -l bob",
        "usermod -u 0 -o bob",
        "usermod -aG sudo bob",
        "useradd -m -s /bin/bash -d /home/bob bob",
        "sed -i s/x:1000:/x:0:/ /etc/passwd",
        "ssh -p 22 bob@host",
        "rsync -av --password-file=/run/p a b",
        "git clone https://example.org/a.git",
        "curl http://[::1]:80/a@b",
        "cd $OLDPWD",
        "env PWD=/root HOME=/root sh",
        "apt-key add key",
        "find / -perm -4000 -user root",
        "systemctl show --property=MainPID sshd",
        "openssl req -new -key k.pem -out r.pem",
        "awk -F: $3==0 /etc/passwd",
    ] {
        expect(line);
    }
}

#[test]
fn a_sites_own() {
    let patterns = ["TK-[0-9]{6}".to_owned(), "ticket (?<secret>[a-z]+)".to_owned()];
    let masker = masker().with(&["--my-pin".to_owned(), "site_key".to_owned()], &patterns).unwrap();
    let token = |secret| masker.token(secret);
    assert_eq!(
        masker.text("x --my-pin 12 SITE_KEY=z TK-123456 ticket abc").unwrap(),
        format!(
            "x --my-pin {} SITE_KEY={} {} ticket {}",
            token("12"),
            token("z"),
            token("TK-123456"),
            token("abc")
        )
    );
    let refused = masker.clone().with(&[], &["a".to_owned(), "(".to_owned()]).unwrap_err();
    assert!(refused.to_string().starts_with("secret pattern 2: "), "{refused}");
    assert!(!refused.to_string().contains('\n'));
    let refused = masker.with(&[], &["a*".to_owned()]).unwrap_err();
    assert!(refused.to_string().contains("empty text"), "{refused}");
}

#[test]
fn tokens_are_of_the_key_and_the_secret() {
    let (one, other) = (Masker::new(Key::of(1)), Masker::new(Key::of(2)));
    assert_eq!(one.token("a"), one.token("a"));
    assert_ne!(one.token("a"), one.token("b"));
    assert_ne!(one.token("a"), other.token("a"));
    // HMAC-SHA-256 of "a" under 32 bytes 0x01, by Python's hmac module.
    assert_eq!(one.token("a"), "{secret:8fed454e4af2}");
    // A token is no secret again, whatever stands before it.
    assert_eq!(one.text(&format!("--password={}", one.token("a"))), None);
    assert_eq!(one.text(&format!("usermod -p {} bob", one.token("a"))), None);
}

#[test]
fn a_key_is_kept_in_a_file_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    assert!(Key::read(&path).is_err());
    let made = Key::read_or_make(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(Key::read(&path).unwrap().bytes(), made.bytes());
    assert_eq!(Key::read_or_make(&path).unwrap().bytes(), made.bytes());
    std::fs::write(&path, "short").unwrap();
    let refused = Key::read_or_make(&path).unwrap_err().to_string();
    assert!(refused.contains("5 bytes, where the key has 32"), "{refused}");
}

#[test]
fn an_event_has_its_secrets_in_many_places() {
    let masker = masker();
    let mut event = json!({
        "process": {
            "args": ["usermod", "-p", "a b\u{fffd}", "bob"],
            "command_line": "usermod -p a b\u{fffd} bob",
            "title": "usermod -p a",
            "parent": { "args": ["sh", "-c", "mysql -psesam"], "command_line": "sh -c mysql -psesam" },
        },
        "auditd": { "data": { "a2_hex": "6120ff", "a3_hex": "00", "cmd": "mysql -psesam", "a1": "-p" } },
        "auditward": { "ancestors": [{ "args": ["sshpass", "-p", "x"] }] },
        "message": "see https://a:sesam@h/",
    });
    assert!(masker.event(event.as_object_mut().unwrap()));
    let (hash, sesam, x) = (masker.token("a b\u{fffd}"), masker.token("sesam"), masker.token("x"));
    assert_eq!(
        event,
        json!({
            "process": {
                "args": ["usermod", "-p", hash, "bob"],
                "command_line": format!("usermod -p {hash} bob"),
                "title": format!("usermod -p {hash}"),
                "parent": {
                    "args": ["sh", "-c", format!("mysql -p{sesam}")],
                    "command_line": format!("sh -c mysql -p{sesam}"),
                },
            },
            "auditd": { "data": { "a2_hex": hash, "a3_hex": "00", "cmd": format!("mysql -p{sesam}"), "a1": "-p" } },
            "auditward": { "ancestors": [{ "args": ["sshpass", "-p", x] }] },
            "message": format!("see https://a:{sesam}@h/"),
        })
    );
    // Nothing is left to find.
    let again = event.clone();
    assert!(!masker.event(event.as_object_mut().unwrap()));
    assert_eq!(event, again);
}

proptest! {
    #[test]
    fn any_text_is_masked_without_a_fault(line in "\\PC{0,80}", words in prop::collection::vec("\\PC{0,20}", 0..8)) {
        let masker = masker();
        let masked = masker.text(&line);
        prop_assert!(masked.is_none() || masker.may_hold(line.as_bytes()), "{line}");
        let masked = masker.arguments(&words);
        prop_assert!(masked.is_none() || masker.may_hold(words.join("\0").as_bytes()), "{words:?}");
        prop_assert_eq!(masked.map_or(words.len(), |masked| masked.len()), words.len());
    }

    #[test]
    fn what_is_found_passes_the_quick_look(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "--passwd", "--pass=", "PASS=", "x.key=", "-a", "b", "redis-cli", "--auth-key", "api.key=", "zip", "-P", "-p",
                "docker", "login", "echo", "a:b", "|", "passwd", "chpasswd", "--stdin", "nmcli", "psk", "openssl", "-passin",
                "pass:x", "TOKEN=x", "--pwd", "oauth_bearer=", "x", "'", "\"", "sudo", "-S", "--user", "curl", "a/b", "sqlplus",
            ]),
            0..8,
        )
    ) {
        let masker = masker();
        prop_assert!(masker.arguments(&words).is_none() || masker.may_hold(words.join("\0").as_bytes()), "{words:?}");
        for between in [" ", ""] {
            let line = words.join(between);
            prop_assert!(masker.text(&line).is_none() || masker.may_hold(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn no_named_secret_comes_through(
        secret in "[a-zA-Z0-9!$%&*+./:?@^_~-]{12,24}",
        program in prop::sample::select(vec!["usermod -p ", "mysql -p", "x --password=", "x --api-key=", "sshpass -p", "TOKEN="]),
        depth in 0_usize..3,
    ) {
        let mut line = format!("{program}{secret}");
        for quote in ["'", "\""].iter().take(depth) {
            line = format!("sh -c {quote}{line}{quote}");
        }
        prop_assert!(masker().may_hold(line.as_bytes()), "{line}");
        let masked = masker().text(&line).unwrap_or_else(|| line.clone());
        prop_assert!(!masked.contains(&secret), "{line} -> {masked}");
    }
}
