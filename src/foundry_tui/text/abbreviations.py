"""Abbreviations after which a sentence goes on, per language; ``*`` holds those of every language."""

from __future__ import annotations

_LISTED = {
    "*": (
        "dr prof mr mrs ms st rev hon capt lt col gen sgt maj jr sr vs viz cf ca nr vol ed fig p pp op "
        "cit ibid etc. e.g i.e a.m p.m"
    ),
    "eng": (
        "mr mrs ms messrs mme mlle dr prof rev hon st mt ft gen col capt lt sgt maj adm gov sen rep pres "
        "supt insp esq. jr. sr. vol ch sec fig jan feb mar apr jun jul aug sept sep oct nov dec "
        "e.g i.e viz vs cf ed edn op lib mem bros. co. ltd. sq pl ave rd bart. hd qrs m.p. h.m.s"
    ),
    "fra": (
        "m mm mme mmes mlle mlles me dr pr st ste vve mgr n° art chap p pp t vol p.ex p. ex c.-à-d cf "
        "éd env av apr s.m s.a.r ch ltd cie. r.p"
    ),
    "deu": (
        "hr hrn fr frl dr prof st z.b z. b d.h d. h u.a u. a u.s.w bzw ca evtl ggf inkl nr s vgl bd kap "
        "abs str tel usw. resp sog sr se ew ehrw geb gest verh jh jhdt röm kgl kaiserl hl dgl m.e o.ä "
        "i.e i. e z.t z. t u.s d.i d. i"
    ),
    "spa": (
        "sr sra srta sres sras d dn dª dña don ud uds vd vds v vs vm vmd dr dra prof lic ing gral "
        "col cte sto sta san fr rev excmo excma ilmo ilma núm nº pág págs p ej p.ej art vol t "
        "ee.uu s.m s.s a.c d.c av avda"
    ),
    "ita": (
        "sig sigg sig.ra sig.na sig.ri dott dr prof avv ing on cav comm rag s ss ecc. es p.es pag pagg "
        "vol art n v fig gen col ten mons rev fr don ill ch mo egr gent spett d d.c a.c"
    ),
    "por": (
        "sr sra srs sras srta dr dra d dom prof exmo exma ex.mo ex.ma ilmo ilma v. v.ex v.s s.ex eng gen "
        "cel ten mons fr st sto sta pe n.º pág págs p.ex ex art vol av etc."
    ),
    "rus": (
        "г гг гр г-н г-жа т.е т. е т.д т. д т.п т. п т.к т. к т.н и.о св см ср стр рис гл ул пл пр д кв "
        "тел проф акад ген кн бар им руб коп р к тыс млн млрд напр др. пр. нем фр англ лат"
    ),
    "nld": (
        "dhr mevr mej mr mw dr drs ing ir prof ds st jhr bijv b.v bv d.w.z d. w. z enz. m.a.w n.l nl o.a "
        "p.s ca nr blz hfdst vgl z.g.a z.k.h z.m e.d"
    ),
}
NEVER_LAST = {
    language: frozenset(word.rstrip(".") for word in words.split() if not word.endswith("."))
    for language, words in _LISTED.items()
}
# Languages that write ordinals as a number and a stop.
ORDINAL_DOT = frozenset(
    {"deu", "dan", "nor", "fin", "isl", "ces", "slk", "hun", "slv", "hrv", "srp", "est", "lav", "pol", "tur"}
)
MONTHS = (
    "Januar",
    "Jänner",
    "Februar",
    "März",
    "Merz",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
    "Jahrhundert",
    "Kapitel",
)
