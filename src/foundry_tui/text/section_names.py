"""Names of sections in our languages: those that are narrated like chapters, and those that are apparatus."""

from __future__ import annotations

import unicodedata

_NAMED = {
    "preface": """
        preface | author s preface | prefatory note | the preface | préface | avant propos | vorwort | vorrede |
        geleitwort | prefacio | prólogo del autor | prefazione | prefácio | предисловие | от автора |
        voorwoord | voorrede | voorbericht | forord | förord | przedmowa | předmluva | 前言 | 序言 | 自序 | 序 |
        まえがき | はしがき | はじめに | al lettore | ao leitor | al lector | to the reader | au lecteur |
        an den leser | preface to the second edition | advertisement to the reader | proemio | proem |
        advertencia | avertissement
    """,
    "prologue": """
        prologue | the prologue | prolog | prólogo | prologo | пролог | proloog | プロローグ | 楔子 |
        induction | prelude | prélude | vorspiel | preludio | prelúdio | zueignung | voorspel
    """,
    "introduction": """
        introduction | introductory | introductory note | introduction by | einleitung | einführung |
        introducción | introduccion | introduzione | introdução | введение | вступление | inleiding | 序章 |
        序論 | 緒言 | 引言 | 導言 | general introduction | editor s introduction | editor s preface |
        translator s preface | translator s introduction | publisher s preface | publisher s note |
        note to the reader
    """,
    "foreword": """
        foreword | fore word | zum geleit | nota preliminar | nota previa
    """,
    "epilogue": """
        epilogue | the epilogue | epilog | épilogue | epílogo | epilogo | эпилог | epiloog | エピローグ | 終章 |
        尾声 | 尾聲 | conclusion | the conclusion | conclusión | conclusione | conclusão | schluss | schluß |
        beschluss | nachspiel | заключение | slot | besluit | konklusion | 結論 | 結語 | finale
    """,
    "afterword": """
        afterword | postscript | post scriptum | nachwort | postface | posfacio | epistola | postfazione |
        posfácio | послесловие | nawoord | あとがき | 後記 | 跋 | l envoi | envoi | envoy | last words |
        a last word
    """,
    "interlude": """
        interlude | intermezzo | zwischenspiel | entr acte | intermède | interludio | interlúdio | интерлюдия |
        tussenspel
    """,
    "appendix": """
        appendix | appendices | anhang | appendice | apéndice | apêndice | приложение | bijlage | aanhangsel |
        附錄 | 付録 | annexe | supplement | nachtrag
    """,
    "note": """
        author s note | note by the author | a note | nota del autor | nota dell autore | nota do autor
    """,
    "dedication letter": """
        epistle dedicatory | dedicatory epistle | the epistle dedicatory | dedicatory letter
    """,
    "cast": """
        dramatis personae | dramatis personæ | persons represented | persons of the drama | characters |
        the persons of the play | the persons in the play | personages | personnages | personen | personas |
        personaggi | personagens | действующие лица | characters in the play | characters of the play |
        cast of characters | the characters | persons | dramatispersonae
    """,
}
_APPARATUS = {
    "contents list": """
        contents | table of contents | the contents | content | contents of volume | contents of vol |
        contents of the first volume | contents of the second volume | list of contents | table des matières |
        table | tables des matières | table des chapitres | sommaire | inhalt | inhaltsverzeichnis |
        inhaltsübersicht | índice | indice | índice general | tabla de materias | sumario | contenido |
        índice de materias | indice dei capitoli | indice delle materie | sommario | tavola |
        índice dos capítulos | conteúdo | sumário | оглавление | содержание | inhoud | inhoudsopgave | indhold |
        innehåll | sisältö | sisällys | spis treści | obsah | tartalom | 目次 | 目錄 | 目录 | 總目 | 回目 |
        index of chapters | register der kapitel | volume contents | enhavo | efnisyfirlit | efni | bladwijzer
    """,
    "list of illustrations": """
        illustrations | list of illustrations | the illustrations | illustration | list of plates |
        list of maps | maps | list of maps and illustrations | list of plates and maps |
        full page illustrations | list of full page illustrations | table des illustrations |
        table des gravures | liste des illustrations | illustrationen | verzeichnis der abbildungen |
        abbildungsverzeichnis | verzeichnis der illustrationen | índice de láminas | índice de ilustraciones |
        lista delle illustrazioni | indice delle illustrazioni | indice delle incisioni | ilustrações |
        índice das gravuras | список иллюстраций | illustraties | lijst der illustraties | lijst der platen |
        platen | illustrations in color | list of figures | list of tables | list of portraits |
        illustrations and maps | plates | 挿絵目次
    """,
    "index": """
        index | general index | index of names | index of proper names | alphabetical index | analytical index |
        subject index | register | sachregister | namenregister | namensverzeichnis | personenregister |
        index alphabétique | índice alfabético | indice alfabetico | indice dei nomi | указатель |
        алфавитный указатель | zaakregister | alphabetisch register | 索引 | index of authors |
        index of first lines | index to first lines | index of titles | index of subjects
    """,
    "footnotes": """
        footnotes | footnote | foot notes | notes | endnotes | end notes | the notes | fußnoten | fussnoten |
        anmerkungen | anmerkung | notes de bas de page | notas | notas al pie | notas a pie de página | note |
        notas de rodapé | note a piè di pagina | примечания | сноски | примечание | voetnoten | noten |
        aantekeningen | 注 | 註 | 註釋 | 注釈 | 脚注 | noter | anmærkninger | notes and references |
        references | notas del autor
    """,
    "errata": """
        errata | erratum | corrigenda | corrections | addenda et corrigenda | addenda | druckfehler |
        druckfehlerverzeichnis | berichtigungen | fe de erratas | erratas | errori | errata corrige | опечатки |
        drukfouten | verbeteringen | fautes à corriger | changes | list of corrections | corrected errors |
        正誤表 | corretions | correcties | correcciones
    """,
    "transcriber's note": """
        transcriber s note | transcriber s notes | transcribers note | transcribers notes | transcriber notes |
        transcription notes | transcription note | note de transcription | notes de transcription |
        note du transcripteur | notes du transcripteur | note au lecteur de ce fichier numérique |
        anmerkungen zur transkription | anmerkung zur transkription | bemerkungen zur transkription |
        anmerkungen der transkription | bemerkungen zur textgestalt | nota de transcripción |
        notas de transcripción | nota del transcriptor | notas del transcriptor | nota di trascrizione |
        note di trascrizione | nota del trascrittore | note del trascrittore | nota de transcrição |
        notas de transcrição | nota do transcritor | notas do transcritor | colofon |
        opmerkingen van de bewerker | примечания переписчика | etext transcriber s note | e text notes |
        typographical errors corrected | note on the text | proofreader s note | endnote transcriber
    """,
    "advertisement": """
        books by | novels by | works by | other works by | plays by | other books by | by the author of | new novels |
        advertisements | advertisement | books by the same author | by the same author |
        works by the same author | other books by the same author | by the same writer | du même auteur |
        ouvrages du même auteur | œuvres du même auteur | oeuvres du même auteur | vom selben verfasser |
        von demselben verfasser | vom gleichen verfasser | werke von | obras del mismo autor | obras del autor |
        del mismo autor | opere dello stesso autore | dello stesso autore | obras do mesmo autor |
        do mesmo autor | van denzelfden schrijver | того же автора | publisher s advertisements |
        publishers announcements | announcements | press notices | press opinions | opinions of the press |
        new books | popular novels | catalogue | verlagsanzeigen | anzeigen | buchanzeigen | verlagsanzeige |
        popular copyright novels | recent publications | newest fiction | 奥付
    """,
    "licence": """
        the full project gutenberg license | full project gutenberg license | project gutenberg license |
        start full license | license | full license |
        the full project gutenberg license please read this before you distribute or use this work
    """,
    "title page": """
        dedication | to | by | widmung | dédicace | dedicatoria | dedica | dedicatória | посвящение | opdracht |
        copyright | all rights reserved | impressum | imprint | colophon | title page | half title |
        frontispiece | cover | titlepage | uncopyright | copyright page | copyright notice | cover page |
        halftitle | half title page | credits
    """,
    "the end": """
        the end | finis | fin | ende | fine | fim | конец | einde | 终 | 終 | 完 | 終わり | おわり | 了 |
        全文完 | slut | end | end of volume i | end of vol i | end of the first volume | fin del libro | loppu |
        koniec | endo | end of the first book | end of book
    """,
}


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        "".join(sign if sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign)).split()
    )


def _table(names: dict[str, str]) -> dict[str, str]:
    return {_fold(name): key for key, listed in names.items() for name in listed.split("|") if name.strip()}


NAMED = _table(_NAMED)
APPARATUS = _table(_APPARATUS)
