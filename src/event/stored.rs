//! An event and all that its document is made of, in memory of its own: a few copied bytes, of which a
//! document is made again only when somebody wants one.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use bumpalo::Bump;

use super::ancestry::{Environment, Found, Gaps, Image, Line, NoGaps, Place, Process};
use super::around::{Around, Common, Kin};
use super::audit_document::AuditDocument;
use super::document::{Value, Values};
use super::from_audit::parts::Parts;
use super::kind::Act;
use super::schema::field;
use super::spare;
use crate::audit::execve::Arguments;
use crate::audit::{AuditEvent, OwnedEvent, Shelf, Shelved, Stamp};

/// See the module. It answers as the event did when it was stored, whatever has become of the processes,
/// names and files that it tells of. A clone is the same one; the memory of it that is dropped last is the next one's.
#[derive(Clone, Debug)]
pub struct Stored(Arc<Copied>);

#[derive(Debug)]
pub(super) struct Copied {
    event: OwnedEvent,
    /// None while it waits for the next event.
    beside: Option<Beside>,
}

/// An event on a shelf, from which it can be stored. The shelf must get it back.
#[derive(Debug)]
pub struct Resting {
    event: Shelved,
    beside: Beside,
    size: usize,
}

/// What a document is made of beside the event's records.
#[derive(Debug)]
struct Beside {
    created: u64,
    common: Arc<Common>,
    /// Without its image, which lies beside the records.
    process: Option<Process>,
    /// The parents of the process.
    line: Option<Arc<Line>>,
    /// Session leader, group leader and entry leader.
    leaders: [Leader; 3],
    seldom: Option<Box<Seldom>>,
}

/// What few events have.
#[derive(Debug)]
struct Seldom {
    /// What /proc says of the process.
    captured: Option<Arc<Place>>,
    /// What taints the module that was loaded.
    taint: Option<Box<[u8]>>,
    /// What was asked of the environment before; it is not asked for on purpose, which would cost each event.
    environment: Option<Environment>,
}

/// What a document mostly takes, and the most that is kept for the next.
const DOCUMENT: usize = 4096;
const KEPT: usize = 64 << 10;

thread_local! {
    /// Memory for the next document.
    static ARENA: Cell<Option<Bump>> = const { Cell::new(None) };
    /// And for its arguments.
    static ARGUMENTS: Cell<Option<Arguments>> = const { Cell::new(None) };
}

/// Who leads the event's process.
#[derive(Debug)]
enum Leader {
    Unknown,
    Itself,
    /// The parent that is so many steps up, counted from 0.
    Parent(usize),
    Other(Box<Process>),
}

impl Leader {
    /// Those of the event, wherever they stand.
    #[cold]
    fn all_of(document: &AuditDocument<'_>) -> [Self; 3] {
        document.leaders().map(|leader| match leader {
            None => Self::Unknown,
            Some(leader) if document.process.is_some_and(|process| std::ptr::eq(process, leader)) => {
                Self::Itself
            }
            Some(leader) => match document.ancestors().position(|parent| std::ptr::eq(parent, leader)) {
                Some(at) => Self::Parent(at),
                None => Self::Other(Box::new(leader.detached())),
            },
        })
    }
}

impl Seldom {
    /// Whether the event may have any of it.
    fn is_of(document: &AuditDocument<'_>) -> bool {
        document.captured().is_some()
            || document.parts.kind.is(Act::LOADED_MODULE)
            || document.asked(field::PROCESS_ENV_VARS).is_some_and(|values| !values.as_slice().is_empty())
    }

    #[inline(never)]
    fn of(document: &AuditDocument<'_>) -> Self {
        let loads_module = document.parts.kind.is(Act::LOADED_MODULE);
        let taint = match loads_module.then(|| document.ask(field::PROCESS_EXT_LOAD_MODULE_TAINT_FLAGS)) {
            Some(Values::One(Value::Text(letters))) => Some(letters.into()),
            _ => None,
        };
        let environment = document.asked(field::PROCESS_ENV_VARS).and_then(|variables| {
            let text =
                |value: &Value<'_>| if let Value::Text(text) = value { Some(text.to_vec()) } else { None };
            let variables: Vec<_> = variables.as_slice().iter().filter_map(text).collect();
            if variables.is_empty() {
                return None;
            }
            let Values::One(program) = document.ask(field::PROCESS_EXECUTABLE) else { return None };
            Some(Environment { executable: text(&program)?, variables })
        });
        Self { captured: document.captured().cloned(), taint, environment }
    }
}

impl Stored {
    /// Stores the event of `document`. Live, /proc is asked now for what the document might want of it.
    #[must_use]
    pub fn of(document: &AuditDocument<'_>) -> Self {
        Self::with(document.event, images(document), Beside::of(document))
    }

    fn with(event: &AuditEvent<'_>, images: [Option<&[u8]>; 2], beside: Beside) -> Self {
        if let Some(mut spare) = spare::take()
            && let Some(copied) = Arc::get_mut(&mut spare)
        {
            copied.event.put(event, images);
            copied.beside = Some(beside);
            return Self(spare);
        }
        Self(Arc::new(Copied { event: OwnedEvent::of(event, images), beside: Some(beside) }))
    }

    /// Whether it is the same one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// When the event was.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.0.event.stamp()
    }

    /// `host.id`.
    #[must_use]
    pub fn host_id(&self) -> Cow<'_, str> {
        let Copied { event, beside } = &*self.0;
        let id = beside.as_ref().map(|beside| beside.common.host.id_of(event.event().node));
        String::from_utf8_lossy(id.unwrap_or_default())
    }

    /// The login uid of its process, where that is known; `u32::MAX` is unset.
    #[must_use]
    pub fn auid(&self) -> Option<u32> {
        self.0.beside.as_ref()?.process.as_ref()?.login().map(|login| login.auid)
    }

    /// Makes the document and gives it to `work`.
    pub fn with_document<T>(&self, work: impl FnOnce(&AuditDocument<'_>) -> T) -> Option<T> {
        let Copied { event, beside } = &*self.0;
        let images = event.beside().map(|image| image.map(Image::of_bytes));
        beside.as_ref()?.with_document(&event.event(), images, work)
    }

    /// About how many bytes of memory it takes; of what it shares with all others nothing is counted, of what it
    /// shares with some all.
    #[must_use]
    pub fn size(&self) -> usize {
        let Copied { event, beside } = &*self.0;
        beside.as_ref().map_or(0, |beside| beside.size_with(event.size()))
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        if let Some(copied) = Arc::get_mut(&mut self.0) {
            copied.beside = None;
            let size = size_of::<Copied>() + copied.event.size();
            spare::give(&self.0, size);
        }
    }
}

impl Resting {
    /// Puts the event of `document` on a shelf, as [`Stored::of`] would store it.
    pub fn of(document: &AuditDocument<'_>, shelf: &mut Shelf) -> Self {
        let (event, beside) = (shelf.put(document.event, images(document)), Beside::of(document));
        let size = beside.size_with(event.size());
        Self { event, beside, size }
    }

    /// Takes it from its shelf.
    #[must_use]
    pub fn stored(self, shelf: &mut Shelf) -> Stored {
        let Self { event, beside, .. } = self;
        shelf.take(event, |event, images| Stored::with(event, images, beside))
    }

    /// It is no longer wanted, and asked for nothing from now on.
    pub fn give_back(&self, shelf: &mut Shelf) {
        shelf.give_back(&self.event);
    }

    /// [`Stored::size`], worked out once: what it is made of is elsewhere in memory.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }
}

/// The image of the process, and the one before it.
fn images<'a>(document: &'a AuditDocument<'_>) -> [Option<&'a [u8]>; 2] {
    let image = document.process.and_then(|process| process.image.as_ref());
    [image, document.previous].map(|image| image.map(Image::bytes))
}

impl Beside {
    /// All but the images.
    fn of(document: &AuditDocument<'_>) -> Self {
        let parent = document.process.zip(document.parent);
        let kin = document.around.kin;
        let line = parent.and_then(|(process, parent)| kin.line(process, parent));
        // Mostly they are among the parents, in the places of those that led the event before.
        let leaders = match document.process.and_then(|process| kin.leaders_in(process, line.as_ref())) {
            Some(places) => places.map(|at| at.map_or(Leader::Unknown, Leader::Parent)),
            None => Leader::all_of(document),
        };
        let seldom = Seldom::is_of(document).then(|| Box::new(Seldom::of(document)));
        Self {
            created: document.created,
            common: Arc::clone(document.around.common),
            process: document.process.map(Process::bare),
            line,
            leaders,
            seldom,
        }
    }

    /// Makes the document of `event`, with the image of its process and the one before, and gives it to `work`.
    fn with_document<T>(
        &self,
        event: &AuditEvent<'_>,
        images: [Option<Image>; 2],
        work: impl FnOnce(&AuditDocument<'_>) -> T,
    ) -> Option<T> {
        // A document within another has memory of its own.
        let mut arena = ARENA.take().unwrap_or_else(|| Bump::with_capacity(DOCUMENT));
        let done = self.with_document_in(&arena, event, images, work);
        arena.reset();
        if arena.allocated_bytes() <= KEPT {
            ARENA.set(Some(arena));
        }
        done
    }

    fn with_document_in<T>(
        &self,
        arena: &Bump,
        event: &AuditEvent<'_>,
        [image, previous]: [Option<Image>; 2],
        work: impl FnOnce(&AuditDocument<'_>) -> T,
    ) -> Option<T> {
        let mut process = self.process.as_ref().map(Process::bare);
        process.iter_mut().zip(image).for_each(|(process, image)| process.image = Some(image));
        let parts = arena.alloc(Parts::of(event)?);
        let mut arguments = Arguments::default();
        if parts.has_arguments() {
            arguments = ARGUMENTS.take().unwrap_or_default();
            arguments.read(event);
        }
        let gaps: RefCell<Box<dyn Gaps + Send>> = RefCell::new(match self.seldom.as_deref() {
            Some(seldom) => Box::new(Told(seldom.taint.clone(), seldom.environment.clone())),
            None => Box::new(NoGaps),
        });
        let leader = |at: usize| match self.leaders.get(at)? {
            Leader::Unknown => None,
            Leader::Itself => process.as_ref(),
            Leader::Parent(at) => self.line.as_ref().and_then(|line| line.nth(*at)),
            Leader::Other(process) => Some(&**process),
        };
        let leaders = [leader(0), leader(1), leader(2)];
        let around = Around {
            common: &self.common,
            arguments: &arguments,
            kin: Kin::Stored(self.line.as_ref(), leaders),
            gaps: &gaps,
            places: &RefCell::default(),
        };
        let around_process = [process.as_ref(), self.line.as_ref().map(|line| line.process())];
        let previous = previous.as_ref();
        let document =
            AuditDocument::new(event, arena, around, parts, around_process, previous, self.created);
        document.set_captured(self.seldom.as_deref().and_then(|seldom| seldom.captured.clone()));
        let done = work(&document);
        drop(document);
        if parts.has_arguments() {
            ARGUMENTS.set(Some(arguments));
        }
        Some(done)
    }

    /// With the event's so many bytes.
    fn size_with(&self, event: usize) -> usize {
        let process =
            |process: &Process| size_of::<Process>() + process.image.as_ref().map_or(0, Image::size);
        let leaders = self.leaders.iter().map(|leader| match leader {
            Leader::Other(leader) => process(leader),
            _ => 0,
        });
        let line = self.line.as_ref().map_or(0, |line| line.size());
        let environment = self.seldom.as_deref().and_then(|seldom| seldom.environment.as_ref());
        let variables = environment.into_iter().flat_map(|environment| &environment.variables);
        let environment: usize = variables.map(|variable| size_of::<Vec<u8>>() + variable.len()).sum();
        let processes = self.process.as_ref().map_or(0, process) + line + leaders.sum::<usize>();
        let seldom = self.seldom.as_ref().map_or(0, |_| size_of::<Seldom>());
        size_of::<Copied>() + event + processes + seldom + environment
    }
}

/// What was asked when the event was stored.
#[derive(Debug)]
struct Told(Option<Box<[u8]>>, Option<Environment>);

impl Gaps for Told {
    fn look(&mut self, _pid: u32) -> Option<Found> {
        None
    }

    fn is_blind(&self) -> bool {
        true
    }

    fn has_environments(&self) -> bool {
        self.1.is_some()
    }

    fn environment(&mut self, _pid: u32, _until: u64) -> Option<Environment> {
        self.1.clone()
    }

    fn taint(&mut self, _module: &[u8]) -> Option<Vec<u8>> {
        self.0.as_deref().map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Document, Host, Mapper, Names, Options, ancestry};
    use super::*;
    use crate::audit::reassembler::{Limits, Reassembler};
    use crate::audit::{AuditEvent, Record};

    /// The events of a log, mapped, each given to `work`.
    fn each(log: &str, mapper: &mut Mapper, work: &mut dyn FnMut(&AuditDocument<'_>)) {
        let mut reassembler = Reassembler::new(Limits::default());
        let mut arena = Bump::new();
        let mut map = |event: &AuditEvent<'_>| {
            arena.reset();
            work(&mapper.map(event, &arena).expect("an event has records"));
        };
        for line in log.lines() {
            let record = Record::from_log_line(line.as_bytes()).expect("a record");
            reassembler.push(&record, 0, &mut map);
        }
        reassembler.finish(&mut map);
    }

    fn line(document: &AuditDocument<'_>) -> String {
        let mut writer = super::super::json::Writer::default();
        String::from_utf8(writer.write(document).to_vec()).expect("UTF-8")
    }

    const EXEC: &str = "type=SYSCALL msg=audit(1795600800.500:7): arch=c000003e syscall=59 success=yes exit=0 \
        a0=0 a1=0 a2=0 a3=0 items=0 ppid=40 pid=41 auid=1000 uid=1000 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 \
        fsgid=0 tty=pts0 ses=3 comm=\"id\" exe=\"/usr/bin/id\" key=(null)\n\
        type=EXECVE msg=audit(1795600800.500:7): argc=2 a0=\"id\" a1=\"-u\"\n\
        type=EOE msg=audit(1795600800.500:7):";

    /// Names, processes and all: what is told later is what was true then.
    #[test]
    fn it_tells_what_was_known_when_it_was_stored() {
        let directory = tempfile::tempdir().expect("a directory");
        let passwd = directory.path().join("passwd");
        std::fs::write(&passwd, "bob:x:1000:0::/:/bin/sh\n").expect("a file");
        let names = Names::of_paths(passwd.clone(), directory.path().join("group"));
        let options = Options { live: false, names, limits: ancestry::Limits::default() };
        let mut mapper = Mapper::new(Host::recorded(None), &options);
        let mut stored = Vec::new();
        each(EXEC, &mut mapper, &mut |document| stored.push((Stored::of(document), line(document))));
        std::fs::write(&passwd, "mallory:x:1000:0::/:/bin/sh\n").expect("a file");
        let later = EXEC.replace("1795600800", "1795600900").replace("\"id\"", "\"other\"");
        let (mut now, mut count) = (String::new(), 0);
        each(&later, &mut mapper, &mut |document| (now, count) = (line(document), count + 1));
        assert!(count == 1 && now.contains("mallory") && now.contains("other"), "{now}");
        let [(stored, then)] = stored.as_slice() else { panic!("one event") };
        assert!(then.contains("bob") && then.contains("\"id\""), "{then}");
        assert_eq!(stored.with_document(line).as_ref(), Some(then));
        assert!(stored.size() > EXEC.len() / 2);
        let may_tell_environments = |document: &AuditDocument<'_>| Document::has_environment(document);
        assert_eq!(stored.with_document(may_tell_environments), Some(false), "none was asked then");
    }

    #[test]
    fn what_is_given_up_is_used_again_and_bounded() {
        let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
        let (largest, most) = spare::BOUNDS;
        let (count, mut stored) = (2 * most / 1024, Vec::new());
        each(EXEC, &mut mapper, &mut |document| {
            stored.extend((0..count).map(|_| (Stored::of(document), line(document))));
        });
        let same = stored[0].0.clone();
        assert!(same.is(&stored[0].0) && !same.is(&stored[1].0));
        drop(stored.swap_remove(0));
        assert_eq!(spare::waiting(), (0, 0), "it is still shared");
        assert_eq!(same.with_document(line).as_ref(), Some(&stored[0].1));
        drop((same, stored));
        let (waiting, bytes) = spare::waiting();
        assert!(
            waiting < count && bytes <= most && bytes > most - bytes / waiting,
            "{waiting} of {bytes} bytes"
        );
        // Of a larger event, the memory is another, and does not wait for the next.
        let argument = "y".repeat(largest);
        each(&EXEC.replace("\"-u\"", &format!("\"{argument}\"")), &mut mapper, &mut |document| {
            let stored = Stored::of(document);
            assert_eq!(spare::waiting().0, waiting - 1);
            assert_eq!(stored.with_document(line), Some(line(document)));
        });
        assert_eq!(spare::waiting().0, waiting - 1, "what is large goes");
        let mut last = None;
        each(EXEC, &mut mapper, &mut |document| last = Some((Stored::of(document), line(document))));
        let (last, then) = last.expect("an event");
        assert_eq!((last.with_document(line), spare::waiting().0), (Some(then), waiting - 2));
        let other = std::thread::spawn(move || {
            drop(last);
            spare::waiting()
        });
        assert_eq!(other.join().expect("it ends"), (0, 0), "who stores no event has no use for its memory");
    }

    /// A refusal whose SYSCALL record was lost has arguments of its own, not those of the execution before it.
    #[test]
    fn arguments_are_those_of_the_event_itself() {
        let refused = "type=AVC msg=audit(1795600801.000:8): avc:  denied  { execute } for  pid=50 comm=\"x\"\n\
                       type=EXECVE msg=audit(1795600801.000:8): argc=1 a0=\"own\"";
        let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
        let mut told = Vec::new();
        each(&format!("{EXEC}\n{refused}"), &mut mapper, &mut |document| {
            let stored = Stored::of(document);
            told.push([Some(line(document)), stored.with_document(line)]);
        });
        let [_, [Some(live), Some(stored)]] = told.as_slice() else { panic!("two events: {told:?}") };
        assert!(live.contains("\"args\":[\"own\"]"), "{live}");
        assert_eq!(live, stored);
    }
}
