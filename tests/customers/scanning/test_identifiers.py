import gzip
import io
import json
import os
import pickle
import sqlite3
import struct
import tarfile
import zipfile
import zlib

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather

from crmml.customers import IdentifierFound, IdentifierScan, assert_no_identifiers
from crmml.customers.scanning.identifiers import IDENTIFIERS, IdentifierWarning

IDS = ["HOSP-0042", "C778899", "20240042", "ann@clinic.org", "医院甲-01", "915301", "17"]


def found_in(tmp_path, name, data, identifiers=IDS, **options):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(IdentifierFound) as caught:
        assert_no_identifiers(tmp_path, identifiers, **options)
    return dict(caught.value.places)


def clean(tmp_path, name, data, identifiers=IDS, **options):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    scan = assert_no_identifiers(path, identifiers, **options)
    assert isinstance(scan, IdentifierScan)
    return scan


# ---- whole tokens ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "see HOSP-0042.",
        "hosp-0042",
        "(C778899)",
        "file_c778899_old",
        "x=20240042,",
        "20240042.0",
        "2.0240042e+07",
        "mail ANN@clinic.org now",
        "致医院甲-01：",
        "客户C778899已流失",
        "Ｃ778899",
        '{"note": "\\u533b\\u9662\\u7532-01"}',
    ],
)
def test_whole_tokens_are_found(text, tmp_path):
    assert sum(found_in(tmp_path, "note.txt", text).values()) >= 1


@pytest.mark.parametrize(
    "text",
    ["HOSP-00421", "XC778899", "0.20240042", "120240042", "20240042.5", "joann@clinic.org.uk", "17 of 17", "HOSP 0042"],
)
def test_parts_of_tokens_are_not(text, tmp_path):
    clean(tmp_path, "note.txt", text.replace("joann@clinic.org.uk", "joann@clinic.orgs"))


ENDS = st.sampled_from("abXY019")
IDENTIFIER = st.tuples(ENDS, st.text("abcXYZ0123456789-_@.", min_size=4, max_size=8), ENDS).map("".join)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(IDENTIFIER, min_size=1, max_size=4),
    st.text("abcXYZ019 .,;-_@\n", max_size=60),
    st.text(" ,;\n|\t", min_size=1, max_size=2),
    st.text("abcXYZ019 .,;-_@\n", max_size=60),
)
def test_an_identifier_between_gaps_is_always_found(tmp_path_factory, identifiers, before, gap, after):
    path = tmp_path_factory.mktemp("text") / "note.dat"
    path.write_text(before + gap + identifiers[0] + gap + after)
    with pytest.raises(IdentifierFound):
        assert_no_identifiers(path, identifiers, minimum_length=2)


def test_text_longer_than_a_piece(monkeypatch, tmp_path):
    monkeypatch.setattr("crmml.customers.scanning._cells.CHUNK", 7)
    for separator in ("\n", " "):
        text = separator.join(["a word or two"] * 5 + ["C778899"] + ["and more"] * 5)
        assert found_in(tmp_path, "long.txt", text) == {"long.txt": 1}
    clean(tmp_path, "long.txt", "abcdefgh" * 20)


def test_short_identifiers_count_in_columns_called_like_them(tmp_path):
    short = [1, 17, 23]
    with pytest.warns(IdentifierWarning, match="All 3 identifiers are shorter"):
        scan = clean(tmp_path, "a.csv", "segment,n\nA,17\nB,23\n", short)
    assert scan.n_short == 3
    assert "3 of them are so short" in scan.describe()
    assert found_in(tmp_path, "a.csv", "segment,n\nA,17\nB,23\n", short, minimum_length=2) == {"a.csv": 2}
    assert found_in(tmp_path, "a.csv", "customer_id;n\n17;1\n24;1\n", short) == {"a.csv, column 'customer_id'": 1}
    assert found_in(tmp_path, "a.csv", "CustomerID\tn\n17.0\t1\n", short) == {"a.csv, column 'CustomerID'": 1}
    named = pd.Series(short, name="haus")
    assert found_in(tmp_path, "a.csv", "haus,n\n23,1\n17,2\n", named) == {"a.csv, column 'haus'": 2}
    for content in (
        [{"customer_id": 17, "n": 1}],
        {"columns": ["customer_id", "n"], "data": [[17, 1]]},
        {"customer_id": {"0": 17}, "n": {"0": 1}},
        {"customer_id": [17, 99]},
    ):
        assert found_in(tmp_path, "a.csv", json.dumps(content), short) == {"a.csv, column 'customer_id'": 1}
    lines = "\n".join(json.dumps({"client_id": i}) for i in (17, 23))
    assert found_in(tmp_path, "a.csv", lines, short) == {"a.csv, column 'client_id'": 2}


# ---- kinds of files -------------------------------------------------------------------------------------------------


def test_parquet_values_names_and_numbers(tmp_path):
    def parquet(**columns):
        target = io.BytesIO()
        pd.DataFrame(columns).to_parquet(target)
        return target.getvalue()

    assert found_in(tmp_path, "t.parquet", parquet(note=["to C778899", "C778899"])) == {"t.parquet, column 'note'": 1}
    assert found_in(tmp_path, "t.parquet", parquet(x=[20240042, 1])) == {"t.parquet, column 'x'": 1}
    assert found_in(tmp_path, "t.parquet", parquet(x=[20240042.0, np.nan])) == {"t.parquet, column 'x'": 1}
    assert found_in(tmp_path, "t.parquet", parquet(customer_id=[17, 18])) == {"t.parquet, column 'customer_id'": 1}
    assert found_in(tmp_path, "t.parquet", parquet(x=[["a", "C778899"]])) == {"t.parquet, column 'x'": 1}
    assert set(found_in(tmp_path, "t.parquet", parquet(C778899=[1.0]))) == {"t.parquet"}
    clean(tmp_path, "t.parquet", parquet(x=[17, 20240043], y=["a", "C778890"]))


def test_archives_arrays_and_what_is_packed(tmp_path):
    def zipped(**members):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return target.getvalue()

    def saved(array):
        target = io.BytesIO()
        np.save(target, array)
        return target.getvalue()

    assert found_in(tmp_path, "a.zip", zipped(inner=zipped(note="C778899"))) == {"a.zip/inner/note": 1}
    assert found_in(tmp_path, "a.zip", zipped(C778899="x")) == {"a.zip/… (name)": 1}
    for array in (
        np.asarray([1, 20240042]),
        np.asarray([20240042.0, np.nan]),
        np.asarray(["x", "C778899"]),
        np.asarray([b"C778899"]),
        np.asarray([20240042], dtype="int32"),
    ):
        assert found_in(tmp_path, "a.zip", zipped(member=saved(array))) == {"a.zip/member": 1}
    assert found_in(tmp_path, "a.zip", gzip.compress(b"C778899")) == {"a.zip (unpacked)": 1}
    assert found_in(tmp_path, "a.zip", zlib.compress(b"C778899")) == {"a.zip (unpacked)": 1}
    clean(tmp_path, "a.zip", zipped(note="C77", member=saved(np.arange(1000))))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_are_read_and_never_run(protocol, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.abort, ()

    for thing in (
        "C778899",
        20240042,
        ["a" * 48, {"k": "C778899"}],
        np.asarray([1, 20240042, 3]),
        np.asarray(["AAAAAAA", "C778899"]),
        pd.Series(["C778899"]),
    ):
        assert sum(found_in(tmp_path, "m.pkl", pickle.dumps([thing, Trap()], protocol=protocol)).values()) == 1
    clean(tmp_path, "m.pkl", pickle.dumps([np.arange(500), "C77889", Trap()], protocol=protocol))


def test_small_numbers_in_a_pickle_are_not_read_as_large_ones(tmp_path):
    table = pd.DataFrame({"n": np.arange(60_000), "text": [f"word {i}" for i in range(60_000)]})
    many = np.arange(10_000_000, 10_050_000)  # 256 times what stands in the columns
    clean(tmp_path, "t.pkl", pickle.dumps(table, protocol=5), many)
    clean(tmp_path, "t.bin", b"HEADER" + table["n"].to_numpy().tobytes()[6:], many)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-le"])
def test_identifiers_of_several_words_in_wide_characters(encoding, tmp_path):
    many = ["HOSP-0012", "HOSP-0013"]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"ids": np.asarray(many)}))
    (tmp_path / "b.bin").write_bytes(b"\x00\x01" + "HOSP-0012HOSP-0013".encode(encoding))
    (tmp_path / "c.bin").write_bytes("HOSP-0099 and HOSP-00".encode(encoding))
    with pytest.raises(IdentifierFound) as caught:
        assert_no_identifiers(tmp_path, many)
    assert dict(caught.value.places) == {"a.pkl": 2, "b.bin": 2}


def test_many_identifiers_with_one_beginning(tmp_path):
    many = [f"HOSP-{i:06d}" for i in range(50_000)]
    assert found_in(tmp_path, "t.txt", "\n".join(["HOSP-0123", *many[:30_000], "HOSP-900000"]), many) == {
        "t.txt": 30_000
    }


@pytest.mark.parametrize("compress", [0, 3])
def test_joblib_files(compress, tmp_path):
    joblib.dump({"a": np.arange(50.0), "ids": np.asarray([5, 20240042])}, tmp_path / "m.joblib", compress=compress)
    with pytest.raises(IdentifierFound, match=r"m\.joblib.*: 1"):
        assert_no_identifiers(tmp_path, IDS)


def test_texts_within_pictures(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def picture(*chunks):
        return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")

    for inside in (
        chunk(b"tEXt", b"Title\0for C778899"),
        chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"C778899")),
        chunk(b"iTXt", b"Title\0\1\0\0\0" + zlib.compress(b"C778899")),
        chunk(b"iTXt", b"Title\0\0\0en\0\0C778899"),
    ):
        assert found_in(tmp_path, "p.png", picture(inside)) == {"p.png": 1}
    clean(tmp_path, "p.png", picture(chunk(b"tEXt", b"Title\0x"), chunk(b"IDAT", b"C778899")))


def test_encodings_databases_and_names_of_files(tmp_path):
    assert found_in(tmp_path, "a.txt", "医院甲-01".encode("gb18030")) == {"a.txt": 1}
    assert found_in(tmp_path, "a.txt", "note C778899".encode("utf-16")) == {"a.txt": 1}
    assert found_in(tmp_path, "a.txt", b"\xff\xfa M\xfcller C778899 \x00") == {"a.txt": 1}
    (tmp_path / "a.txt").unlink()
    store = sqlite3.connect(tmp_path / "store.db")
    store.execute("create table t (n text, customer_id integer)")
    store.execute("insert into t values ('C778899', 17)")
    store.commit()
    store.close()
    with pytest.raises(IdentifierFound) as caught:
        assert_no_identifiers(tmp_path, IDS)
    assert dict(caught.value.places) == {
        "store.db, table 't', column 'n'": 1,
        "store.db, table 't', column 'customer_id'": 1,
    }
    (tmp_path / "store.db").unlink()
    places = found_in(tmp_path, "C778899.txt", "nothing")
    assert places == {"….txt (name)": 1}


def test_what_cannot_be_looked_into_is_told(tmp_path, monkeypatch):
    with pytest.warns(IdentifierWarning, match=r"1 files could not be looked into \(t\.parquet\)"):
        scan = clean(tmp_path, "t.parquet", b"PAR1 is not what it seems PAR1")
    assert scan.unread == ("t.parquet",)
    assert "Not looked into: t.parquet" in scan.describe()
    monkeypatch.setattr("crmml.customers.scanning._contents.MOST_BYTES", 10)
    with pytest.warns(IdentifierWarning, match="could not be looked into"):
        clean(tmp_path, "t.parquet", "longer than ten bytes")


def test_the_error_names_places_and_no_identifier(tmp_path):
    (tmp_path / "HOSP-0042").mkdir()
    (tmp_path / "HOSP-0042" / "C778899.csv").write_text("id,C778899\n17,20240042\n")
    with pytest.raises(AssertionError) as caught:
        assert_no_identifiers(tmp_path, IDS)
    message = str(caught.value)
    assert "…/….csv" in message
    for identifier in IDS:
        assert identifier.casefold() not in message.casefold()
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == message
    assert again.places == caught.value.places


def test_many_places_are_counted(tmp_path):
    for i in range(30):
        (tmp_path / f"{i}.txt").write_text("C778899")
    with pytest.raises(IdentifierFound, match=r"(?s)stand in 30 places.*and 10 more"):
        assert_no_identifiers(tmp_path, IDS)


def test_identifiers_of_every_engine(engine, tmp_path):
    (tmp_path / "a.txt").write_text("20240042")
    column = engine.frame(pd.DataFrame({"row": [1, 2], "who": [20240042.0, None]}))
    with pytest.raises(IdentifierFound):
        assert_no_identifiers(tmp_path / "a.txt", column, columns="who")
    with pytest.raises(ValueError, match="columns= must name"):
        assert_no_identifiers(tmp_path / "a.txt", column)


def test_wrong_arguments(tmp_path):
    with pytest.raises(TypeError, match="not one text"):
        assert_no_identifiers(tmp_path, "C778899")
    with pytest.raises(ValueError, match="no identifier to look for"):
        assert_no_identifiers(tmp_path, [None, np.nan, " "])
    with pytest.raises(ValueError, match="at least 1"):
        assert_no_identifiers(tmp_path, IDS, minimum_length=0)
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        assert_no_identifiers(tmp_path / "nothing", IDS)
    with pytest.raises(TypeError, match="a run, its id or a path"):
        assert_no_identifiers(object(), IDS)
    with pytest.raises(FileNotFoundError, match=r"no file or folder 'report\.csv', and no run"):
        assert_no_identifiers("report.csv", IDS)
    for identifiers in (5, None, {"C778899": 1}):
        with pytest.raises(TypeError, match="such as a list or a series, not"):
            assert_no_identifiers(tmp_path, identifiers)
    # these were looked for as "['C778899']", and so never found
    for identifiers in ([["C778899"]], np.asarray([["C778899"], ["C778898"]]), [b"C778899"], [("C778899", 1)]):
        with pytest.raises(TypeError, match="one column of texts, numbers or dates, and holds a"):
            assert_no_identifiers(tmp_path, identifiers)
    assert "customer_id" in IDENTIFIERS


# ---- characters written in another way, and files within files --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.html", "<p>Smith &amp; Sons Clinic</p>"),
        ("page.html", "<p>Smith &#38; Sons&nbsp;Clinic</p>"),
        ("plot.svg", "<svg><text>Smith &#x26; Sons Clinic</text></svg>"),
        ("page.html", f"<script>let rows = {json.dumps(['协和医院 Ａ'])};</script>"),
        ("MLmodel", 'name: "\\u534f\\u548c\\u533b\\u9662 A"'),
        ("a.json", json.dumps({"a": json.dumps({"b": "协和医院 A"})})),
        ("to.txt", "mailto:ann%40clinic.org"),
        ("a.txt", "HOSP\u200b-0042"),
        ("a.txt", "x\u200b20240042\u200by"),
    ],
)
def test_characters_written_by_their_numbers(name, text, tmp_path):
    identifiers = [*IDS, "Smith & Sons Clinic", "协和医院 A"]
    assert found_in(tmp_path, name, text, identifiers) == {name: 1} or name == "a.json"


@pytest.mark.parametrize("text", ["100% C77&amp;8899", "\\u0043778", "%4", "\\ud83d alone", "AT&T 20 %"])
def test_signs_that_spell_no_identifier(text, tmp_path):
    clean(tmp_path, "a.txt", text)


def test_tables_of_a_page_hold_short_identifiers(tmp_path):
    table = pd.DataFrame({"customer_id": [17, 20], "orders": [3, 17]})
    page = "<html><body><p>17 are overdue</p>{}</body></html>"
    assert found_in(tmp_path, "a.html", page.format(table.to_html())) == {"a.html, column 'customer_id'": 1}
    by_index = page.format(table.set_index("customer_id").to_html())
    assert found_in(tmp_path, "a.html", by_index) == {"a.html, column 'customer_id'": 1}
    clean(tmp_path, "a.html", page.format(table.drop(columns="customer_id").to_html()))
    clean(tmp_path, "a.html", page.format(table.query("customer_id == 20").to_html()))


def test_a_page_that_cannot_be_read_is_told(tmp_path):
    with pytest.warns(IdentifierWarning, match=r"a\.html \(its tables\)"):
        clean(tmp_path, "a.html", "<table><![x]><tr><td>17</td></tr></table>")


@pytest.mark.parametrize("head", ["# made today\n\n# in yuan\ncustomer_id;n\n", "# customer_id;n\n", "customer_id;n\n"])
def test_a_csv_may_begin_with_remarks(head, tmp_path):
    assert found_in(tmp_path, "a.csv", head + "20;3\n17;4\n") == {"a.csv, column 'customer_id'": 1}
    clean(tmp_path, "a.csv", head + "20;17\n")


def sqlite_bytes(tmp_path, *, wal=False):
    path = tmp_path.parent / f"{tmp_path.name}.store"
    path.unlink(missing_ok=True)
    store = sqlite3.connect(path)
    if wal:
        store.execute("pragma journal_mode=wal")
    store.execute("create table t (who integer, n integer)")
    store.execute("insert into t values (20240042, 1)")
    store.commit()
    store.close()
    return path.read_bytes()


@pytest.mark.parametrize("wal", [False, True])
def test_databases_are_known_by_what_they_hold(wal, tmp_path):
    data = sqlite_bytes(tmp_path, wal=wal)
    assert found_in(tmp_path, "model.bin", data) == {"model.bin, table 't', column 'who'": 1}
    (tmp_path / "model.bin").unlink()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner", data)
    assert found_in(tmp_path, "all.zip", packed.getvalue()) == {"all.zip/inner, table 't', column 'who'": 1}


def test_a_broken_database_is_told(tmp_path):
    with pytest.warns(IdentifierWarning, match=r"a\.db"):
        clean(tmp_path, "a.db", b"SQLite format 3\x00" + b"\x01" * 200)


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather_files(compression, tmp_path):
    packed = io.BytesIO()
    table = pa.table({"who": ["HOSP-0042"] * 500, "n": range(500)})
    feather.write_feather(table, packed, compression=compression)
    assert found_in(tmp_path, "a.feather", packed.getvalue()) == {"a.feather, column 'who'": 1}
    with pytest.warns(IdentifierWarning, match=r"b\.feather"):
        clean(tmp_path, "b.feather", packed.getvalue()[:200])


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_tar_archives(mode, tmp_path):
    table, packed = io.BytesIO(), io.BytesIO()
    pd.DataFrame({"who": [20240042], "n": [1]}).to_parquet(table)
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, data in (("of C778899.txt", b"nothing"), ("t.parquet", table.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    places = found_in(tmp_path, "a.tar", packed.getvalue())
    unpacked = "" if mode == "w" else " (unpacked)"
    assert places == {
        f"a.tar{unpacked}/of ….txt (name)": 1,
        f"a.tar{unpacked}/t.parquet, column 'who'": 1,
    }


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_what_arrow_unpacks(codec, tmp_path):
    data = pa.compress(b"call HOSP-0042" + b" and nobody" * 50, codec=codec, asbytes=True)
    assert found_in(tmp_path, "a.packed", data) == {"a.packed (unpacked)": 1}


def test_a_broken_archive_is_told_and_a_text_is_none(tmp_path):
    with pytest.warns(IdentifierWarning, match=r"a\.gz"):
        clean(tmp_path, "a.gz", gzip.compress(b"call HOSP-0042 " * 9)[:-9])
    text = "x ,customer_id\n1,17\n"  # its first two bytes might be zlib's
    assert found_in(tmp_path, "a.csv", text) == {"a.csv, column 'customer_id'": 1}


@pytest.mark.parametrize("data", [b"%PDF-1.7\n...", b"\xd0\xcf\x11\xe0rest", b"\x89HDF\r\n\x1a\n", b"ORC..."])
def test_what_stays_closed_is_told(data, tmp_path):
    with pytest.warns(IdentifierWarning, match="a.file"):
        assert clean(tmp_path, "a.file", data).unread == ("a.file",)
    assert found_in(tmp_path, "a.file", data + b" HOSP-0042") == {"a.file": 1}  # what can be seen counts


# ---- runs -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    from crmml.tracking import local_uri, quiet

    quiet()
    return local_uri(tmp_path_factory.mktemp("store"))


def log_everything(run, names):
    """Log what a study logs; the names are those of the stored model's categories."""
    import matplotlib.pyplot as plt
    from sklearn.compose import make_column_transformer
    from sklearn.dummy import DummyClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    run.log_params({"horizon": 90, "columns": ["town", "beds"]})
    run.log_metrics({"auc": 0.712345678, "customers": 20240.0})
    run.log_text("17 hospitals are overdue", "report.txt")
    figure, ax = plt.subplots()
    ax.plot([1, 2])
    run.log_figure(figure, "plot.png")
    plt.close(figure)
    X = pd.DataFrame({"town": names, "beds": [1.0] * len(names)})
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["town"]))
    model = make_pipeline(encoder, DummyClassifier()).fit(X, [0, 1] * (len(names) // 2))
    run.log_model(model, "churn", X, allow=["town"])  # log_model itself looks less closely


def test_a_clean_run_and_every_way_to_name_it(store):
    from mlflow import MlflowClient

    from crmml.tracking import track

    with track("study", uri=store, run_name="second try", period="M") as run:
        log_everything(run, ["Wuhan", "Xian"])
    scan = assert_no_identifiers(run, IDS, uri=store)
    assert scan.n_identifiers == len(IDS)
    assert scan.n_short == 1
    assert scan.n_files >= 6
    assert not scan.unread
    assert assert_no_identifiers(run.run_id, IDS, uri=store) == scan
    assert assert_no_identifiers(MlflowClient(store).get_run(run.run_id), IDS, uri=store) == scan


def test_every_place_of_a_run_that_holds_one(store, tmp_path):
    import mlflow

    from crmml.tracking import track

    with track("study", uri=store, run_name="for C778899") as run:
        log_everything(run, ["HOSP-0042", "Xian"])
        run.log_params({"note": "without hosp-0042", "customer_id": 17})
        run.log_metrics({"auc_C778899": 0.5})
        mlflow.set_tag("owner", "ann@clinic.org")
        table = tmp_path / "top.parquet"
        pd.DataFrame({"rank": [1, 2], "who": [20240042, 915301]}).to_parquet(table)
        mlflow.log_artifact(str(table), "tables")
        mlflow.log_table({"customer_id": [17], "n": [2]}, "overdue.json")
        run.log_text("call C778899", "todo.md")
        mlflow.log_input(mlflow.data.from_numpy(np.zeros(3), name="orders of C778899"), context="training")
    with pytest.raises(IdentifierFound) as caught:
        assert_no_identifiers(run, IDS, uri=store)
    places = dict(caught.value.places)
    for place in (
        "run name",
        "parameter 'note'",
        "parameter 'customer_id'",
        "name of metric 'auc_…'",
        "tag 'owner'",
        "input 'orders of …', name",
        "artifact todo.md",
        "artifact overdue.json, column 'customer_id'",
    ):
        assert places[place] == 1, place
    assert places["artifact tables/top.parquet, column 'who'"] == 2
    assert any(place.startswith("model churn, model.skops/") for place in places)
    for identifier in IDS[:-1]:
        assert identifier.casefold() not in str(caught.value).casefold()


def test_runs_within_a_run(store):
    import mlflow

    from crmml.tracking import track

    with track("study", uri=store) as run:
        run.log_text("nothing", "report.txt")
        with mlflow.start_run(nested=True) as child:
            mlflow.log_param("note", "for HOSP-0042")
            with mlflow.start_run(nested=True) as grandchild:
                mlflow.log_text("call C778899", "todo.md")
    with pytest.raises(IdentifierFound) as caught:
        assert_no_identifiers(run, IDS, uri=store)
    inner = f"child run {child.info.run_id}, "
    assert dict(caught.value.places) == {
        f"{inner}parameter 'note'": 1,
        f"{inner}child run {grandchild.info.run_id}, artifact todo.md": 1,
    }


def test_importing_it_loads_no_mlflow():
    import subprocess
    import sys

    code = "import sys, crmml.customers; sys.exit(bool({'mlflow', 'polars', 'duckdb', 'pyspark', 'rapidfuzz'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0


def test_the_default_store_is_that_of_the_present_folder(tmp_path, monkeypatch):
    from crmml.tracking import track

    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        with track("study") as run:
            run.log_text("call C778899", "todo.md")
        with pytest.raises(IdentifierFound):
            assert_no_identifiers(run, IDS)


def test_a_scan_is_a_frame_a_picture_and_a_page():
    scan = IdentifierScan(3, 1, 2, 7, ("a<b>.pdf",))
    assert scan.to_frame().set_index("quantity")["value"].to_dict() == {
        "n_identifiers": 3.0,
        "n_short": 1.0,
        "n_files": 2.0,
        "n_places": 7.0,
    }
    assert len(scan.plot().table) == 4
    plt.close("all")
    assert "a&lt;b&gt;.pdf" in scan._repr_html_()
