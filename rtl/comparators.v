// The CMP units: load thresholds, compare, mask, pool in place, and send what is left through the output port.
//
// The comparison itself is done beside each PE, in comparator.v. A job sends, of a compressed tensor, the mask words of
// each image, and then the words that are not zero; of another tensor all words. Words and mask bits go image by image,
// position by position, and in each position channel by channel.
module comparators #(
    parameter WORD_BITS = 16,
    parameter ROWS = 4,
    parameter COLUMNS = 2,
    parameter PSUM_BANKS = 2,
    parameter THRESHOLD_WORDS = 4,
    parameter OUTPUT_WORDS = 4,
    parameter LATENCY = 1,
    parameter COMPARE_CYCLES = 1,
    parameter WRITE_BUFFERS = 2,
    parameter MOST_POOL = 4 // side of the largest pooling window
) (
    input  wire                                 clock,
    input  wire                                 reset,
    // The next drain job: held until jobs_done moves on.
    input  wire                                 job_ready, // there is one, and its thresholds are in the cache
    input  wire                                 writes,    // it completes blocks: it needs a write buffer
    input  wire                                 closes,    // it is the last of its accumulation
    input  wire                                 compressed,
    input  wire                                 per_channel,
    input  wire [31:0]                          threshold_count,
    input  wire [15:0]                          width,
    input  wire [15:0]                          images,
    input  wire [15:0]                          tile_rows,
    input  wire [15:0]                          tile_columns,
    input  wire [15:0]                          pool,
    output wire [31:0]                          threshold_offset,
    input  wire [THRESHOLD_WORDS*WORD_BITS-1:0] thresholds,
    input  wire [31:0]                          jobs_opened,
    input  wire [31:0]                          writes_completed,
    output wire                                 draining,  // the sums are compared
    output wire                                 drain_bank,
    output wire [ROWS*COLUMNS*WORD_BITS-1:0]    thresholds_held,
    input  wire [ROWS*COLUMNS*WORD_BITS-1:0]    masked,    // a word of each PE, zero below its threshold
    output reg  [31:0]                          accumulations_drained,
    output reg  [31:0]                          jobs_done,
    output wire                                 job_start,
    output reg  [31:0]                          output_count, // words on the port
    output reg  [OUTPUT_WORDS*WORD_BITS-1:0]    output_words
);
    localparam LOAD = 2'd0, COMPARE = 2'd1, SEND = 2'd2;
    localparam PES = ROWS * COLUMNS;
    localparam MASK_WORDS = (PES + WORD_BITS - 1) / WORD_BITS + ROWS;

    reg busy;
    reg [1:0] stage;
    reg [31:0] count, writes_submitted;
    assign job_start = !busy && job_ready && jobs_opened != jobs_done
        && (!writes || writes_submitted - writes_completed < WRITE_BUFFERS);
    wire active = job_start || busy;
    wire loads = threshold_count != 0;
    wire [1:0] stage_now = job_start ? (loads ? LOAD : COMPARE) : stage;
    wire [31:0] count_now = job_start ? 32'd0 : count;
    assign draining = active && stage_now == COMPARE;
    assign drain_bank = PSUM_BANKS == 2 && accumulations_drained[0];

    // Thresholds: THRESHOLD_WORDS a clock, LATENCY on the way; the arrival of the last one ends the load.
    wire loading = active && stage_now == LOAD;
    assign threshold_offset = count_now;
    wire [31:0] in_flight = !loading || count_now >= threshold_count ? 32'd0
        : threshold_count - count_now < THRESHOLD_WORDS ? threshold_count - count_now : THRESHOLD_WORDS;
    wire last_sent = in_flight != 0 && count_now + THRESHOLD_WORDS >= threshold_count;
    wire last_arrived;
    wire [31:0] arriving;
    wire [THRESHOLD_WORDS*WORD_BITS-1:0] arrived;
    delay #(.WIDTH(33 + THRESHOLD_WORDS * WORD_BITS), .CYCLES(LATENCY)) network (
        .clock(clock),
        .reset(reset),
        .in({last_sent, in_flight, thresholds}),
        .out({last_arrived, arriving, arrived})
    );

    // One threshold in each PE, for the job at hand.
    reg [PES*WORD_BITS-1:0] held;
    assign thresholds_held = loads ? held : {PES*WORD_BITS{1'b0}};
    reg [15:0] load_row, load_column;
    wire [15:0] positions = tile_rows * tile_columns;
    integer word, row;
    always @(posedge clock)
        if (reset || !loading && !(|arriving)) begin
            load_row = 0;
            load_column = 0;
        end else
            for (word = 0; word < THRESHOLD_WORDS; word = word + 1)
                if (word < arriving) begin
                    for (row = 0; row < ROWS; row = row + 1)
                        if (per_channel ? row >= load_row && row < load_row + positions : row == load_row)
                            held[(row*COLUMNS + load_column)*WORD_BITS +: WORD_BITS]
                                <= arrived[word*WORD_BITS +: WORD_BITS];
                    load_column = load_column + 16'd1;
                    if (load_column == width) begin
                        load_column = 0;
                        load_row = load_row + (per_channel ? positions : 16'd1);
                    end
                end

    // Pooling, packing of the mask, and the list of what is to be sent, all in the last clock of the comparison.
    reg [PES*WORD_BITS-1:0] values;
    reg [PES-1:0] waiting;
    reg [MASK_WORDS*WORD_BITS-1:0] masks;
    reg [31:0] mask_words, bits, sent, mask_index;
    reg signed [WORD_BITS-1:0] best, other;
    reg [15:0] image, y, x;
    integer r, c, dy, dx, element;
    always @(posedge clock)
        if (reset) begin
            busy <= 0;
            stage <= LOAD;
            count <= 0;
            writes_submitted <= 0;
            accumulations_drained <= 0;
            jobs_done <= 0;
            output_count <= 0;
            waiting = 0;
            mask_words = 0;
            mask_index = 0;
        end else begin
            output_count <= 0;
            if (active) begin
                busy <= 1;
                stage <= stage_now;
                count <= count_now + (stage_now == LOAD ? THRESHOLD_WORDS : 32'd1);
            end
            if (loading && last_arrived) begin
                stage <= COMPARE;
                count <= 0;
            end
            if (active && stage_now == COMPARE && count_now + 1 >= COMPARE_CYCLES) begin
                stage <= SEND;
                waiting = 0;
                masks = 0;
                bits = 0;
                mask_index = 0;
                image = 0;
                y = 0;
                x = 0;
                for (r = 0; r < ROWS; r = r + 1) begin
                    // The side of a window is 1, 2 or 4.
                    if (image < images && (y & (pool - 16'd1)) == 0 && (x & (pool - 16'd1)) == 0
                        && y + pool <= tile_rows && x + pool <= tile_columns)
                        for (c = 0; c < COLUMNS; c = c + 1)
                            if (c < width) begin
                                best = masked[(r*COLUMNS + c)*WORD_BITS +: WORD_BITS];
                                for (dy = 0; dy < MOST_POOL; dy = dy + 1)
                                    for (dx = 0; dx < MOST_POOL; dx = dx + 1)
                                        if (dy < pool && dx < pool) begin
                                            element = (r + dy*tile_columns + dx)*COLUMNS + c;
                                            other = masked[element*WORD_BITS +: WORD_BITS];
                                            if (other > best) best = other;
                                        end
                                values[(r*COLUMNS + c)*WORD_BITS +: WORD_BITS] = best;
                                waiting[r*COLUMNS + c] = !compressed || best != 0;
                                masks[bits] = best != 0;
                                bits = bits + 1;
                            end
                    x = x + 16'd1;
                    if (x == tile_columns) begin
                        x = 0;
                        y = y + 16'd1;
                    end
                    if (y == tile_rows) begin
                        // The mask of each image begins in a word of its own.
                        y = 0;
                        image = image + 16'd1;
                        bits = (bits + WORD_BITS - 1) / WORD_BITS * WORD_BITS;
                    end
                end
                mask_words = compressed ? bits / WORD_BITS : 0;
            end
            if (active && stage_now == SEND) begin
                sent = 0;
                for (r = 0; r < OUTPUT_WORDS; r = r + 1)
                    if (mask_index < mask_words) begin
                        output_words[sent*WORD_BITS +: WORD_BITS] <= masks[mask_index*WORD_BITS +: WORD_BITS];
                        mask_index = mask_index + 1;
                        sent = sent + 1;
                    end
                for (r = 0; r < PES; r = r + 1)
                    if (waiting[r] && sent < OUTPUT_WORDS) begin
                        output_words[sent*WORD_BITS +: WORD_BITS] <= values[r*WORD_BITS +: WORD_BITS];
                        waiting[r] = 0;
                        sent = sent + 1;
                    end
                output_count <= sent;
            end
            if (active && (stage_now == SEND || stage_now == COMPARE && count_now + 1 >= COMPARE_CYCLES)
                && waiting == 0 && mask_index >= mask_words) begin
                busy <= 0;
                jobs_done <= jobs_done + 1;
                if (closes) accumulations_drained <= accumulations_drained + 1;
                if (writes) writes_submitted <= writes_submitted + 1;
            end
        end
endmodule
