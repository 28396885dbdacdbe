// The PE grid with its weight loader and its comparators: what the simulator times, without caches and DRAM.
//
// Everything that another part has done is a count in a register, so that what ends at a clock is seen in that clock;
// the same clock's starts are decided by gates alone.
module accelerator #(
    parameter WORD_BITS = 16,
    parameter SUM_BITS = 32,
    parameter ROWS = 4,
    parameter COLUMNS = 2,
    parameter BANK_WORDS = 9,
    parameter PSUM_BANKS = 2,
    parameter SLOTS = 1,
    parameter SKIPPING = 1,
    parameter WEIGHT_WORDS = 4,
    parameter ACTIVATION_WORDS = 4,
    parameter THRESHOLD_WORDS = 4,
    parameter OUTPUT_WORDS = 4,
    parameter LATENCY = 1,
    parameter COMPARE_CYCLES = 1,
    parameter WRITE_BUFFERS = 2,
    parameter MOST_POOL = 4
) (
    input  wire                                 clock,
    input  wire                                 reset,
    // The next fill, pass and drain job; what each field means stands in the part.
    input  wire                                 fill_ready,
    input  wire [31:0]                          fill_words,
    input  wire [15:0]                          fill_width,
    input  wire [15:0]                          fill_pairs,
    output wire [31:0]                          weight_offset,
    input  wire [WEIGHT_WORDS*WORD_BITS-1:0]    weights,
    input  wire                                 pass_ready,
    input  wire                                 pass_new_fill,
    input  wire                                 pass_retires_fill,
    input  wire                                 pass_opens,
    input  wire                                 pass_begins,
    input  wire                                 pass_drains,
    input  wire [15:0]                          pass_slot,
    input  wire [15:0]                          pass_pairs,
    input  wire [ROWS*BANK_WORDS-1:0]           mask,
    output wire [ROWS*16-1:0]                   taps,
    input  wire [ROWS*WORD_BITS-1:0]            values,
    input  wire                                 job_ready,
    input  wire                                 job_writes,
    input  wire                                 job_closes,
    input  wire                                 job_activation,
    input  wire                                 job_compressed,
    input  wire                                 job_per_channel,
    input  wire [31:0]                          job_thresholds,
    input  wire [15:0]                          job_slot,
    input  wire [15:0]                          job_width,
    input  wire [15:0]                          job_images,
    input  wire [15:0]                          job_rows,
    input  wire [15:0]                          job_columns,
    input  wire [15:0]                          job_pool,
    input  wire [15:0]                          job_shift,
    output wire [31:0]                          threshold_offset,
    input  wire [THRESHOLD_WORDS*WORD_BITS-1:0] thresholds,
    input  wire [31:0]                          writes_completed,
    // What happened, and the output port.
    output wire                                 fill_start,
    output wire                                 pass_start,
    output wire                                 job_start,
    output wire [31:0]                          fills_done,
    output wire [31:0]                          passes_done,
    output wire [31:0]                          jobs_done,
    output wire [ROWS-1:0]                      sent,
    output wire [31:0]                          output_count,
    output wire [OUTPUT_WORDS*WORD_BITS-1:0]    output_words
);
    wire [WEIGHT_WORDS-1:0] lane_valid;
    wire [WEIGHT_WORDS*16-1:0] lane_column, lane_address;
    wire [WEIGHT_WORDS*WORD_BITS-1:0] lane_word;
    wire fill_bank, draining, drain_bank, pending;
    wire [31:0] fills_retired, jobs_opened, accumulations_drained;
    wire [ROWS*COLUMNS*WORD_BITS-1:0] thresholds_held, masked;

    weight_loader #(
        .WORD_BITS(WORD_BITS), .BANK_WORDS(BANK_WORDS), .LANES(WEIGHT_WORDS), .LATENCY(LATENCY)
    ) loader (
        .clock(clock), .reset(reset),
        .fill_ready(fill_ready), .fill_words(fill_words), .fill_width(fill_width), .fill_pairs(fill_pairs),
        .word_offset(weight_offset), .words(weights), .fills_retired(fills_retired), .fills_done(fills_done),
        .fill_start(fill_start), .lane_valid(lane_valid), .lane_column(lane_column), .lane_address(lane_address),
        .lane_word(lane_word), .fill_bank(fill_bank)
    );

    pe_grid #(
        .WORD_BITS(WORD_BITS), .SUM_BITS(SUM_BITS), .ROWS(ROWS), .COLUMNS(COLUMNS), .BANK_WORDS(BANK_WORDS),
        .PSUM_BANKS(PSUM_BANKS), .SLOTS(SLOTS), .WORDS(ACTIVATION_WORDS), .SKIPPING(SKIPPING), .LANES(WEIGHT_WORDS)
    ) grid (
        .clock(clock), .reset(reset),
        .pass_ready(pass_ready), .new_fill(pass_new_fill), .retires_fill(pass_retires_fill), .opens(pass_opens),
        .begins(pass_begins), .drains(pass_drains), .slot(pass_slot), .pairs(pass_pairs), .mask(mask), .taps(taps),
        .values(values), .fills_done(fills_done), .accumulations_drained(accumulations_drained),
        .fills_retired(fills_retired), .jobs_opened(jobs_opened), .passes_done(passes_done), .pass_start(pass_start),
        .pending(pending), .sent(sent), .lane_valid(lane_valid), .lane_column(lane_column),
        .lane_address(lane_address), .lane_word(lane_word), .fill_bank(fill_bank), .draining(draining),
        .drain_bank(drain_bank), .drain_slot(job_slot), .activation(job_activation), .shift(job_shift),
        .thresholds(thresholds_held), .masked(masked)
    );

    comparators #(
        .WORD_BITS(WORD_BITS), .ROWS(ROWS), .COLUMNS(COLUMNS), .PSUM_BANKS(PSUM_BANKS),
        .THRESHOLD_WORDS(THRESHOLD_WORDS), .OUTPUT_WORDS(OUTPUT_WORDS), .LATENCY(LATENCY),
        .COMPARE_CYCLES(COMPARE_CYCLES), .WRITE_BUFFERS(WRITE_BUFFERS), .MOST_POOL(MOST_POOL)
    ) units (
        .clock(clock), .reset(reset),
        .job_ready(job_ready), .writes(job_writes), .closes(job_closes),
        .compressed(job_compressed), .per_channel(job_per_channel), .threshold_count(job_thresholds),
        .width(job_width), .images(job_images), .tile_rows(job_rows), .tile_columns(job_columns), .pool(job_pool),
        .threshold_offset(threshold_offset), .thresholds(thresholds), .jobs_opened(jobs_opened),
        .writes_completed(writes_completed), .draining(draining), .drain_bank(drain_bank),
        .thresholds_held(thresholds_held), .masked(masked),
        .accumulations_drained(accumulations_drained), .jobs_done(jobs_done), .job_start(job_start),
        .output_count(output_count), .output_words(output_words)
    );
endmodule
