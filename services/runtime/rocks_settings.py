"""What RocksDB may take: one cache and one write buffer for all partitions of a process."""

from dataclasses import dataclass
from typing import Final

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    WriteBufferManager,
)

MIB: Final = 1 << 20
CACHE_MIB: Final = 256
BUFFERS_MIB: Final = 256
BUFFER_MIB: Final = 32
BLOCK_BYTES: Final = 8 << 10
BLOOM_BITS: Final = 10
OPEN_FILES_MAX: Final = 256
LOG_FILES_MAX: Final = 2
JOBS: Final = 2


@dataclass(frozen=True, slots=True)
class Budget:
    """Memory shared by the stores of a process; a cache smaller than the rows is only slower."""

    cache: Cache
    buffers: WriteBufferManager


def budget(cache_mib: int = CACHE_MIB) -> Budget:
    """A budget of its own, in MiB, besides at most BUFFERS_MIB for what is not on disk yet."""
    return Budget(Cache(cache_mib * MIB), WriteBufferManager(BUFFERS_MIB * MIB, False))


def database_options(shared: Budget) -> Options:
    """The options of a database and of each of its column families."""
    blocks = BlockBasedOptions()
    blocks.set_block_cache(shared.cache)
    blocks.set_cache_index_and_filter_blocks(True)
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
    blocks.set_bloom_filter(BLOOM_BITS, False)
    blocks.set_block_size(BLOCK_BYTES)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_manager(shared.buffers)
    options.set_write_buffer_size(BUFFER_MIB * MIB)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_max_background_jobs(JOBS)
    options.set_max_open_files(OPEN_FILES_MAX)
    options.set_keep_log_file_num(LOG_FILES_MAX)
    options.set_stats_dump_period_sec(0)
    return options
